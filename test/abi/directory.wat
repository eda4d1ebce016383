;; The capability `directory`, granted the table `staff`, whose columns are name and mail.
(data (i32.const 1024) "{\22table\22:\22staff\22,\22key\22:\22ANN\22}") ;; look up
(data (i32.const 1064) "{\22rows\22:[{\22name\22:[\22ann\22],\22mail\22:[\22ann@example.com\22]}]}") ;; found
(data (i32.const 1128) "{\22table\22:\22staff\22,\22key\22:\22eve\22}") ;; of nobody
(data (i32.const 1168) "{\22rows\22:[]}") ;; no rows
(data (i32.const 1192) "{\22table\22:\22secret\22,\22key\22:\22ann\22}") ;; in a table that is not granted
(data (i32.const 1232) "{\22table\22:\22staff\22,\22key\22:\22\22}") ;; of nothing
(data (i32.const 1272) "{\22table\22:\22staff\22}") ;; without a key
(data (i32.const 1304) "{\22table\22:\22staff\22,\22key\22:\22ann\22}") ;; for a service without the grant
(func (export "on_connect") (result i32)
  (call $is (call $directory (i32.const 1024) (i32.const 29)) (i32.const 54))
  (call $is (call $answer_read (i32.const 0) (i32.const 16384) (i32.const 54)) (i32.const 54))
  (call $is (call $same (i32.const 16384) (i32.const 1064) (i32.const 54)) (i32.const 1))
  (call $is (call $directory (i32.const 1128) (i32.const 29)) (i32.const 11))
  (call $is (call $answer_read (i32.const 0) (i32.const 16384) (i32.const 11)) (i32.const 11))
  (call $is (call $same (i32.const 16384) (i32.const 1168) (i32.const 11)) (i32.const 1))
  (call $is (call $directory (i32.const 1192) (i32.const 30)) (i32.const -3))
  (call $is (call $directory (i32.const 1232) (i32.const 26)) (i32.const -1))
  (call $is (call $directory (i32.const 1272) (i32.const 17)) (i32.const -1))
  ;; a request of 8 MiB and an octet
  (call $is (memory.grow (i32.const 160)) (i32.const 1))
  (call $is (call $directory (i32.const 0) (i32.const 8388609)) (i32.const -4))
  (call $done))
;; without the grant
(func (export "on_helo") (result i32)
  (call $is (call $directory (i32.const 1304) (i32.const 29)) (i32.const -3))
  (call $is (call $answer_read (i32.const 0) (i32.const 16384) (i32.const 100)) (i32.const 0))
  (call $done))
;; a request outside the memory
(func (export "on_mail") (result i32)
  (drop (call $directory (i32.const 65530) (i32.const 100)))
  (call $done))
