import type { MetricPoint } from '../metric-point.ts';
import { ProtobufWriter } from '../protobuf-writer.ts';

/** Field numbers of tensorflow/core/util/event.proto and framework/summary.proto. */
const EVENT = { wallTime: 1, step: 2, fileVersion: 3, summary: 5, sessionLog: 7 } as const;
const SUMMARY = { value: 1 } as const;
const VALUE = { tag: 1, simpleValue: 2 } as const;
const SESSION = { status: 1, start: 1 } as const;

/** What a file of events begins with. */
export function versionEvent(wallSeconds: number): Uint8Array {
  return new ProtobufWriter().double(EVENT.wallTime, wallSeconds).text(EVENT.fileVersion, 'brain.Event:2').finish();
}

/** Tells a viewer that has read an earlier file of the run to forget its points. */
export function restartEvent(wallSeconds: number): Uint8Array {
  const session = new ProtobufWriter().integer(SESSION.status, SESSION.start);
  return new ProtobufWriter().double(EVENT.wallTime, wallSeconds).message(EVENT.sessionLog, session).finish();
}

/** The scalars of a point. */
export function scalarsEvent(wallSeconds: number, { step, values }: MetricPoint): Uint8Array {
  const summary = new ProtobufWriter();
  for (const [tag, value] of values) {
    summary.message(SUMMARY.value, new ProtobufWriter().text(VALUE.tag, tag).float(VALUE.simpleValue, value));
  }
  return new ProtobufWriter()
    .double(EVENT.wallTime, wallSeconds)
    .integer(EVENT.step, step)
    .message(EVENT.summary, summary)
    .finish();
}
