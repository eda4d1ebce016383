;; The capability `kv`, granted 2 keys and 100 octets, over an empty store: the first revision is 1.
(data (i32.const 1024) "{\22op\22:\22get\22,\22key\22:\22k\22}") ;; get
(data (i32.const 1048) "{\22op\22:\22put\22,\22key\22:\22k\22}\0aa\00\0ab") ;; put
(data (i32.const 1080) "{\22op\22:\22put\22,\22key\22:\22k\22,\22revision\22:0}\0ax") ;; only if new
(data (i32.const 1120) "{\22stored\22:true,\22revision\22:1}") ;; stored
(data (i32.const 1152) "{\22stored\22:false,\22revision\22:1}") ;; changed
(data (i32.const 1184) "{\22revision\22:1}\0aa\00\0ab") ;; entry
(data (i32.const 1208) "{\22op\22:\22increment\22,\22key\22:\22n\22,\22by\22:-7}") ;; count
(data (i32.const 1248) "{\22value\22:-7,\22revision\22:2}") ;; counted
(data (i32.const 1280) "{\22op\22:\22delete\22,\22key\22:\22k\22}") ;; delete
(data (i32.const 1312) "{\22deleted\22:true}") ;; deleted
(data (i32.const 1328) "{\22op\22:\22get\22,\22key\22:\22k\22}\0av") ;; with a value
(data (i32.const 1352) "{\22op\22:\22put\22,\22key\22:\22long\22}\0axxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx") ;; too long
(func (export "on_connect") (result i32)
  (call $is (call $kv (i32.const 1024) (i32.const 22)) (i32.const -2))
  (call $is (call $kv (i32.const 1048) (i32.const 27)) (i32.const 28))
  (call $is (call $answer_read (i32.const 0) (i32.const 4096) (i32.const 1000)) (i32.const 28))
  (call $is (call $same (i32.const 4096) (i32.const 1120) (i32.const 28)) (i32.const 1))
  (call $is (call $kv (i32.const 1080) (i32.const 37)) (i32.const 29))
  (call $is (call $answer_read (i32.const 0) (i32.const 4096) (i32.const 1000)) (i32.const 29))
  (call $is (call $same (i32.const 4096) (i32.const 1152) (i32.const 29)) (i32.const 1))
  (call $is (call $kv (i32.const 1024) (i32.const 22)) (i32.const 19))
  (call $is (call $answer_read (i32.const 0) (i32.const 4096) (i32.const 1000)) (i32.const 19))
  (call $is (call $same (i32.const 4096) (i32.const 1184) (i32.const 19)) (i32.const 1))
  (call $is (call $kv (i32.const 1208) (i32.const 36)) (i32.const 25))
  (call $is (call $answer_read (i32.const 0) (i32.const 4096) (i32.const 1000)) (i32.const 25))
  (call $is (call $same (i32.const 4096) (i32.const 1248) (i32.const 25)) (i32.const 1))
  ;; past the quota; what is not understood
  (call $is (call $kv (i32.const 1352) (i32.const 126)) (i32.const -4))
  (call $is (call $kv (i32.const 1328) (i32.const 24)) (i32.const -1))
  (call $is (call $kv (i32.const 1280) (i32.const 25)) (i32.const 16))
  (call $is (call $answer_read (i32.const 0) (i32.const 4096) (i32.const 1000)) (i32.const 16))
  (call $is (call $same (i32.const 4096) (i32.const 1312) (i32.const 16)) (i32.const 1))
  (call $is (call $kv (i32.const 1024) (i32.const 22)) (i32.const -2))
  ;; a request of 8 MiB and an octet
  (call $is (memory.grow (i32.const 160)) (i32.const 1))
  (call $is (call $kv (i32.const 0) (i32.const 8388609)) (i32.const -4))
  (call $done))
;; without the grant
(func (export "on_helo") (result i32)
  (call $is (call $kv (i32.const 1024) (i32.const 22)) (i32.const -3))
  (call $done))
;; a request outside the memory
(func (export "on_mail") (result i32)
  (drop (call $kv (i32.const 65530) (i32.const 100)))
  (call $done))
