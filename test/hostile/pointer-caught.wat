;; Catches the exception that ends its call, and says {}: the call has failed all the same.
(func (export "on_message") (result i32)
  (try
    (do (drop (call $message_read (i32.const 0) (i32.const -8) (i32.const 4))))
    (catch_all))
  (try (do (call $say (i32.const 0) (i32.const 2))) (catch_all))
  (i32.const 0))
