;; Proposes an edit, keeps a state, and traps: neither may remain.
(data (i32.const 1024) "xx")
(func (export "on_message") (result i32)
  (call $is (call $splice (i32.const 0) (i32.const 2) (i32.const 1024) (i32.const 2)) (i32.const 0))
  (call $is (call $state_set (i32.const 1024) (i32.const 2) (i32.const 1024) (i32.const 2)) (i32.const 0))
  unreachable)
