;; Splices that would leave a bare CR or LF: in what they add, or by taking half a line end away.
(data (i32.const 1024) "a\0ab\0dc\0d\0a.\0a")
;; The message begins "Subject: hello" CR LF.
(func (export "on_message") (result i32)
  (call $is (call $splice (i32.const 0) (i32.const 0) (i32.const 1024) (i32.const 3)) (i32.const -1))
  (call $is (call $splice (i32.const 0) (i32.const 0) (i32.const 1026) (i32.const 3)) (i32.const -1))
  (call $is (call $splice (i32.const 0) (i32.const 0) (i32.const 1028) (i32.const 2)) (i32.const -1))
  (call $is (call $splice (i32.const 0) (i32.const 0) (i32.const 1029) (i32.const 1)) (i32.const -1))
  (call $is (call $splice (i32.const 0) (i32.const 0) (i32.const 1029) (i32.const 4)) (i32.const -1))
  (call $is (call $splice (i32.const 14) (i32.const 1) (i32.const 1024) (i32.const 0)) (i32.const -1))
  (call $is (call $splice (i32.const 15) (i32.const 1) (i32.const 1024) (i32.const 0)) (i32.const -1))
  (call $is (call $splice (i32.const 15) (i32.const 0) (i32.const 1024) (i32.const 1)) (i32.const -1))
  (call $done))
