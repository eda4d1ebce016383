;; Grows its memory until it is refused, and fills it. The limit of 4 MiB is 64 pages.
(func (export "on_message") (result i32)
  (block $refused
    (loop $more (br_if $refused (i32.eq (memory.grow (i32.const 1)) (i32.const -1))) (br $more)))
  (memory.fill (i32.const 1024) (i32.const 1) (i32.const 4193280))
  (call $is (memory.size) (i32.const 64))
  (call $done))
