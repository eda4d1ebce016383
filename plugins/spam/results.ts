import { Auth, facts, log, settings } from '../../sdk/assemblyscript';
import { Tally } from './tally';

const METHODS: string[] = ['spf', 'dkim', 'dmarc', 'arc'];

/** Points for what is known of where the mail comes from: what mail-auth has found before, as tags, or what the host says. */
export function judgeResults(tally: Tally): void {
  const points = settings().get('results');
  if (points.length == 0 || facts().user != '') return;
  const found: string[] = [];
  if (facts().tag('dmarc') != '') {
    for (let i = 0; i < METHODS.length; i++) found.push(facts().tag(METHODS[i]));
  } else if (Auth.isGranted()) {
    const results = Auth.results();
    let dkim = results.dkim.length == 0 ? 'none' : results.dkim[0].result;
    for (let i = 0; i < results.dkim.length; i++) {
      if (results.dkim[i].result == 'pass') dkim = 'pass';
    }
    found.push(results.spf.result);
    found.push(dkim);
    found.push(results.dmarc.result);
    found.push(results.arc.result);
  } else {
    log.warn('the results are not judged: auth is not granted, and no mail-auth comes before');
  }
  for (let i = 0; i < found.length; i++) {
    const name = METHODS[i] + '=' + found[i];
    tally.add(name.replaceAll('=', '_'), points.get(name).number());
  }
}
