;; Reads its only part from its end to its front, an octet at a time, again and again.
(func (export "on_message") (result i32) (local $at i32)
  (loop $forever
    (local.set $at (i32.const 10))
    (loop $more
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (drop (call $part_read (i32.const 0) (local.get $at) (i32.const 2048) (i32.const 1)))
      (br_if $more (local.get $at)))
    (br $forever))
  unreachable)
