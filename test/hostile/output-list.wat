;; A list of decisions.
(data (i32.const 1024) "[{}]")
(func (export "on_message") (result i32) (call $say (i32.const 1024) (i32.const 4)) (i32.const 0))
