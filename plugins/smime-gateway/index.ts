import { SecureGateway } from '../../sdk/assemblyscript';
export { ocp_smtp_abi_1 } from '../../sdk/assemblyscript';

/**
 * Signs and encrypts mail that goes out, decrypts and verifies mail that comes in, by S/MIME (RFC 8551) (RFC 4496 section 4.5). The envelope decides, the
 * keys stay with the host. The policy is that of all such gateways, in the SDK. Settings: README.md.
 */
const gateway = new SecureGateway('smime', 'S/MIME', 'X-Postern-SMIME');

export function configure(): i32 {
  return gateway.configure();
}

export function on_message(): i32 {
  return gateway.message();
}
