;; Decides before it is asked, and says nothing when it is.
(func (export "_initialize") (drop (call $done)))
(func (export "on_message") (result i32) (i32.const 0))
