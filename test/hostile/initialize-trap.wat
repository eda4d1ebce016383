;; Traps before its export is called.
(func (export "_initialize") (unreachable))
(export "on_message" (func $done))
