;; Throws an exception of its own out of its export.
(tag $ball)
(func (export "on_message") (result i32) (throw $ball))
