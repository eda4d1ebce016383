;; Returns nothing.
(func (export "on_message") (result i32) (i32.const 0))
