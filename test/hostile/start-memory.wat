;; Takes all memory that it may have in its start function.
(start $begin)
(func $begin
  (block $refused (loop $more (br_if $refused (i32.eq (memory.grow (i32.const 1)) (i32.const -1))) (br $more)))
  (memory.fill (i32.const 1024) (i32.const 1) (i32.const 4193280)))
(export "on_message" (func $done))
