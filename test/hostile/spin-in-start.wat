;; Never finishes starting.
(func $spin (loop $forever (br $forever)))
(start $spin)
(func (export "on_message") (result i32) (call $done))
