;; A decision whose brace is written in two octets, which is no UTF-8.
(data (i32.const 1024) "\c1\bb}")
(func (export "on_message") (result i32) (call $say (i32.const 1024) (i32.const 3)) (i32.const 0))
