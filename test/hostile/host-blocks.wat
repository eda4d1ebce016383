;; Allocates host memory, 1 MiB at a time, without end.
(func (export "on_message") (result i32)
  (loop $more (drop (call $alloc (i64.const 1048576))) (br $more))
  unreachable)
