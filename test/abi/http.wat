;; The capability `http`, granted http://127.0.0.1:20080 (the test puts the port of a real server in the place of that one).
(data (i32.const 1024) "{\22method\22:\22POST\22,\22url\22:\22http://127.0.0.1:20080/\22}\0ahello") ;; ask
(data (i32.const 1080) "{\22url\22:\22http://127.0.0.1:20081/\22}") ;; elsewhere
(data (i32.const 1120) "{\22status\22:200,\22headers\22:{\22content-length\22:\225\22,\22connection\22:\22close\22}}\0ah\00\0alo") ;; answer
(data (i32.const 1200) "{\22url\22:\22http://127.0.0.1:20080/\22,\22headers\22:{\22A\22:\22b\5cr\5cnHost: c\22}}") ;; injected
(func (export "on_connect") (result i32)
  (call $is (call $http (i32.const 1024) (i32.const 55)) (i32.const 74))
  (call $is (call $answer_read (i32.const 0) (i32.const 4096) (i32.const 1000)) (i32.const 74))
  (call $is (call $same (i32.const 4096) (i32.const 1120) (i32.const 74)) (i32.const 1))
  (call $is (call $http (i32.const 1080) (i32.const 33)) (i32.const -3))
  (call $is (call $http (i32.const 1200) (i32.const 64)) (i32.const -1))
  (call $done))
;; the server is gone
(func (export "on_helo") (result i32)
  (call $is (call $http (i32.const 1024) (i32.const 55)) (i32.const -5))
  (call $done))
