;; Finds fault with its settings.
(data (i32.const 1024) "colour: mauve is not allowed, use red or blue")
(func (export "configure") (result i32)
  (call $is (call $message_size) (i32.const -3))
  (call $is (call $state_set (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 1)) (i32.const -3))
  (call $is (call $input_load_u8 (i64.const 2)) (i32.const 99))
  (call $say (i32.const 1024) (i32.const 45))
  (global.get $wrong))
(func (export "on_connect") (result i32) (call $done))
