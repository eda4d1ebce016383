;; Makes host calls without end; the limit is 10,000.
(func (export "on_message") (result i32)
  (loop $more (drop (call $message_size)) (br $more))
  unreachable)
