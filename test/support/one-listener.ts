/**
 * A config with one listener, `in`, for example.com: its mail goes through these services, which are one group in this order, into the
 * Maildir `./mail`.
 */
export function oneListener(config: { services: object; mode?: 'through' | 'queue' }): object {
  const { services, mode = 'through' } = config;
  return {
    listeners: {
      in: {
        protocol: 'smtp',
        port: 0,
        domains: ['example.com'],
        downstream: 'local',
        mode,
        group: 'all',
      },
    },
    downstreams: { local: { protocol: 'maildir', path: './mail' } },
    services,
    groups: { all: Object.keys(services) },
  };
}
