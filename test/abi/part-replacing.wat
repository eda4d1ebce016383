;; Another part in the place of one.
(data (i32.const 1024) "text/plain; charset=utf-8")
(data (i32.const 1056) "It was removed.")
(func (export "on_message") (result i32)
  (call $is (call $part_replace (i32.const 2) (i32.const 1024) (i32.const 25) (i32.const 1056) (i32.const 15)) (i32.const 0))
  (call $is (call $part_replace (i32.const 3) (i32.const 1024) (i32.const 25) (i32.const 1056) (i32.const 15)) (i32.const -1))
  (call $done))
