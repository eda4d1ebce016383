/** What speaks for spam, and against it. */
export class Tally {
  total: f64;
  /** What counted, with its points. */
  tests: string[] = [];

  constructor(total: f64) {
    this.total = total;
  }

  add(name: string, points: f64): void {
    if (points == 0) return;
    this.total += points;
    this.tests.push(name + '=' + decimal(points));
  }
}

/** With one digit after the point. */
export function decimal(points: f64): string {
  const tenths = <i64>Math.round(points * 10);
  const positive = tenths < 0 ? -tenths : tenths;
  return (tenths < 0 ? '-' : '') + (positive / 10).toString() + '.' + (positive % 10).toString();
}
