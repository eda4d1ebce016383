;; Traps at once.
(func (export "on_message") (result i32) unreachable)
