;; The capability `auth`: what is known of a sender whose domain says nothing.
(data (i32.const 1024) "{}") ;; ask
(data (i32.const 1040) "{\22spf\22:{\22identity\22:\22mailfrom\22,\22domain\22:\22example.net\22,\22result\22:\22none\22},\22dkim\22:[],\22arc\22:{\22result\22:\22none\22") ;; how the answer begins
(data (i32.const 1152) "{\22domain\22:\22example.net\22}") ;; of another
(data (i32.const 1184) "{}") ;; before there is a sender
(data (i32.const 1200) "{}") ;; ask at RCPT
(data (i32.const 1216) "{\22spf\22:{\22identity\22:\22mailfrom\22,\22domain\22:\22example.net\22,\22result\22:\22none\22},\22texts\22:[") ;; how the answer begins without a message
(data (i32.const 1304) "{}") ;; for a service without the grant
(func (export "on_message") (result i32)
  (call $is (i32.gt_s (call $auth (i32.const 1024) (i32.const 2)) (i32.const 0)) (i32.const 1))
  (call $is (call $answer_read (i32.const 0) (i32.const 16384) (i32.const 102)) (i32.const 102))
  (call $is (call $same (i32.const 16384) (i32.const 1040) (i32.const 102)) (i32.const 1))
  (call $is (call $auth (i32.const 1152) (i32.const 24)) (i32.const -1))
  ;; a request of 8 MiB and an octet
  (call $is (memory.grow (i32.const 160)) (i32.const 1))
  (call $is (call $auth (i32.const 0) (i32.const 8388609)) (i32.const -4))
  (call $done))
;; there is no sender yet
(func (export "on_connect") (result i32)
  (call $is (call $auth (i32.const 1184) (i32.const 2)) (i32.const -3))
  (call $done))
;; SPF alone before there is a message
(func (export "on_rcpt") (result i32)
  (call $is (i32.gt_s (call $auth (i32.const 1200) (i32.const 2)) (i32.const 0)) (i32.const 1))
  (call $is (call $answer_read (i32.const 0) (i32.const 16384) (i32.const 79)) (i32.const 79))
  (call $is (call $same (i32.const 16384) (i32.const 1216) (i32.const 79)) (i32.const 1))
  (call $done))
;; without the grant
(func (export "on_helo") (result i32)
  (call $is (call $auth (i32.const 1304) (i32.const 2)) (i32.const -3))
  (call $is (call $answer_read (i32.const 0) (i32.const 16384) (i32.const 100)) (i32.const 0))
  (call $done))
;; a request outside the memory
(func (export "on_mail") (result i32)
  (drop (call $auth (i32.const 65530) (i32.const 100)))
  (call $done))
