;; Grows a table until it is refused.
(table $t 1 funcref)
(func (export "on_message") (result i32)
  (block $refused
    (loop $more
      (br_if $refused (i32.eq (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1)))
      (br $more)))
  (call $is (i32.gt_u (table.size $t) (i32.const 99000)) (i32.const 1))
  (call $is (i32.gt_u (table.size $t) (i32.const 100000)) (i32.const 0))
  (call $done))
