;; A decision after a byte order mark.
(data (i32.const 1024) "\ef\bb\bf{}")
(func (export "on_message") (result i32) (call $say (i32.const 1024) (i32.const 5)) (i32.const 0))
