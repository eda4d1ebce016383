;; Logs 100 octets 10,000 times; the limit is 1,000 octets.
(func (export "on_message") (result i32) (local $i i32) (local $line i64)
  (memory.fill (i32.const 1024) (i32.const 120) (i32.const 100))
  (local.set $line (call $block (i32.const 1024) (i32.const 100)))
  (loop $more
    (call $log_info (local.get $line))
    (local.set $i (i32.add (local.get $i) (i32.const 1)))
    (br_if $more (i32.lt_u (local.get $i) (i32.const 10000))))
  (call $done))
