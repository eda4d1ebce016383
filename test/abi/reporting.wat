;; What a report returns means nothing, be it nothing at all.
(func (export "on_report") (result i32) (i32.const 0))
