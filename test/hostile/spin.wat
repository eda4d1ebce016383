;; Never returns.
(func (export "on_message") (result i32) (loop $forever (br $forever)) unreachable)
