;; Allocates host memory without end before its export is called.
(func (export "_initialize") (loop $more (drop (call $alloc (i64.const 1000000))) (br $more)))
(export "on_message" (func $done))
