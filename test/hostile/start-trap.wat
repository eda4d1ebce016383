;; Traps in its start function.
(start $begin)
(func $begin (unreachable))
(export "on_message" (func $done))
