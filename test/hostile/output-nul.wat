;; A decision that ends in NUL, as a text in C does.
(data (i32.const 1024) "{}\00")
(func (export "on_message") (result i32) (call $say (i32.const 1024) (i32.const 3)) (i32.const 0))
