;; The capability `key`, granted the key `ours`, which signs for example.net with the selector `s`.
(data (i32.const 1024) "{\22op\22:\22dkim-sign\22,\22key\22:\22ours\22}") ;; sign
(data (i32.const 1064) "{\22domain\22:\22example.net\22,\22selector\22:\22s\22}\0aDKIM-Signature: v=1; a=rsa-sha256;") ;; how the answer begins
(data (i32.const 1152) "{\22op\22:\22dkim-sign\22,\22key\22:\22theirs\22}") ;; with a key that is not granted
(data (i32.const 1200) "{\22op\22:\22export\22,\22key\22:\22ours\22}") ;; no such operation
(data (i32.const 1240) "{\22op\22:\22dkim-sign\22,\22key\22:\22ours\22,\22expires\22:1}") ;; for too short
(data (i32.const 1296) "{\22op\22:\22dkim-sign\22,\22key\22:\22ours\22}") ;; without a message
(data (i32.const 1336) "{\22op\22:\22dkim-sign\22,\22key\22:\22ours\22}") ;; for a service without the grant
(func (export "on_message") (result i32)
  (call $is (i32.gt_s (call $key (i32.const 1024) (i32.const 31)) (i32.const 0)) (i32.const 1))
  (call $is (call $answer_read (i32.const 0) (i32.const 16384) (i32.const 74)) (i32.const 74))
  (call $is (call $same (i32.const 16384) (i32.const 1064) (i32.const 74)) (i32.const 1))
  (call $is (call $key (i32.const 1152) (i32.const 33)) (i32.const -3))
  (call $is (call $key (i32.const 1200) (i32.const 28)) (i32.const -1))
  (call $is (call $key (i32.const 1240) (i32.const 43)) (i32.const -1))
  ;; a request of 8 MiB and an octet
  (call $is (memory.grow (i32.const 160)) (i32.const 1))
  (call $is (call $key (i32.const 0) (i32.const 8388609)) (i32.const -4))
  (call $done))
;; there is no message yet
(func (export "on_connect") (result i32)
  (call $is (call $key (i32.const 1296) (i32.const 31)) (i32.const -3))
  (call $done))
;; without the grant
(func (export "on_helo") (result i32)
  (call $is (call $key (i32.const 1336) (i32.const 31)) (i32.const -3))
  (call $is (call $answer_read (i32.const 0) (i32.const 16384) (i32.const 100)) (i32.const 0))
  (call $done))
;; a request outside the memory
(func (export "on_mail") (result i32)
  (drop (call $key (i32.const 65530) (i32.const 100)))
  (call $done))
