;; Its data begin where its memory ends.
(data (i32.const 65536) "x")
(export "on_message" (func $done))
