;; Spins before its export is called.
(func (export "_initialize") (loop $forever (br $forever)))
(export "on_message" (func $done))
