import { Type, type Static } from 'typebox';

/** Milliseconds since the epoch. */
export const Time = (description: string) =>
  Type.Integer({ description: `${description}; milliseconds since the epoch` });

/** Ids that we give: nothing in them leads anywhere. */
export const IdSchema = Type.String({ pattern: '^[0-9a-f-]{8,64}$' });

/** A name of the dialplan in a path; that of a tenant is `tenant/name`, written `tenant%2Fname`. */
export const NameSchema = Type.String({ minLength: 1, maxLength: 128 });

export const PlaceSchema = Type.Object({ file: Type.String(), line: Type.Integer(), column: Type.Integer() });

export const DiagnosticSchema = Type.Object({
  severity: Type.Union([Type.Literal('error'), Type.Literal('warning')]),
  code: Type.String(),
  message: Type.String(),
  place: PlaceSchema,
  hint: Type.Optional(Type.String()),
});

export const ErrorSchema = Type.Object({
  error: Type.Object({
    code: Type.String({ description: 'A code of docs/errors.md' }),
    message: Type.String({ description: 'Place and cause' }),
    remedy: Type.String(),
    diagnostics: Type.Optional(Type.Array(DiagnosticSchema)),
  }),
});

export const CauseSchema = Type.Object({
  sip: Type.Integer({ description: 'SIP status; 200 for an answered call that was hung up' }),
  q850: Type.Optional(Type.Integer({ description: 'ITU-T Q.850 cause' })),
  text: Type.Optional(Type.String()),
  by: Type.String({ description: 'caller, callee or system' }),
  kind: Type.String(),
});

const CallStateSchema = Type.Union([
  Type.Literal('ringing'),
  Type.Literal('answered'),
  Type.Literal('ended'),
]);

export const CallSchema = Type.Object({
  id: Type.String(),
  state: CallStateSchema,
  caller: Type.String(),
  dialed: Type.String(),
  trunk: Type.Optional(Type.String()),
  extension: Type.Optional(Type.String()),
  destination: Type.Optional(Type.String()),
  since: Time('Setup'),
  answeredAt: Type.Optional(Time('Answer')),
  legs: Type.Integer(),
});

export const RecordSchema = Type.Object({
  id: Type.String(),
  state: CallStateSchema,
  direction: Type.String(),
  sipCallId: Type.String(),
  trunk: Type.Optional(Type.String()),
  extension: Type.Optional(Type.String()),
  sourceAddress: Type.String(),
  callerRaw: Type.String(),
  caller: Type.Optional(Type.String()),
  callerName: Type.Optional(Type.String()),
  dialedRaw: Type.String(),
  dialed: Type.String(),
  did: Type.Optional(Type.String()),
  rule: Type.Optional(Type.String()),
  planRevision: Type.Integer(),
  setupAt: Time('Setup'),
  ringAt: Type.Optional(Time('First 18x')),
  answerAt: Type.Optional(Time('Answer')),
  endAt: Type.Optional(Time('End')),
  pddMs: Type.Optional(Type.Number({ description: 'Post-dial delay' })),
  cause: Type.Optional(CauseSchema),
  codecs: Type.Optional(Type.String()),
  destination: Type.Optional(Type.String()),
  lastStep: Type.Optional(Type.String()),
  tenant: Type.Optional(Type.String()),
});

export const LegSchema = Type.Object({
  id: Type.String(),
  sequence: Type.Integer(),
  kind: Type.String(),
  target: Type.String(),
  uri: Type.String(),
  number: Type.Optional(Type.String()),
  sipCallId: Type.Optional(Type.String()),
  startedAt: Time('INVITE sent'),
  ringAt: Type.Optional(Time('First 18x')),
  answerAt: Type.Optional(Time('Answer')),
  endAt: Type.Optional(Time('End')),
  cause: Type.Optional(CauseSchema),
  codecs: Type.Optional(Type.String()),
});

/** Trace entries differ by kind; the page `docs/explain.md` lists them. */
export const TraceSchema = Type.Array(Type.Object({ kind: Type.String() }, { additionalProperties: true }));

export const RecordQuerySchema = Type.Object(
  {
    limit: Type.Integer({ minimum: 1, maximum: 500, default: 100 }),
    cursor: Type.Optional(Type.String({ maxLength: 200, description: '`next` of the answer before' })),
    from: Type.Optional(Time('Set up at or after')),
    to: Type.Optional(Time('Set up before')),
    number: Type.Optional(Type.String({ maxLength: 64, description: 'Caller, dialled number or DID' })),
    trunk: Type.Optional(Type.String({ maxLength: 64 })),
    state: Type.Optional(CallStateSchema),
    cause: Type.Optional(
      Type.String({ maxLength: 64, description: 'Our word for the cause, e.g. no-answer' }),
    ),
  },
  { additionalProperties: false },
);
export type RecordQueryInput = Static<typeof RecordQuerySchema>;

export const ImaginedCallSchema = Type.Object(
  {
    number: Type.String({
      minLength: 1,
      maxLength: 256,
      description: 'What was dialled, as a peer would write it',
    }),
    from: Type.Optional(Type.String({ maxLength: 256, description: "The caller's number, or anonymous" })),
    trunk: Type.Optional(Type.String({ maxLength: 64, description: 'Trunk it comes in on' })),
    extension: Type.Optional(
      Type.String({ maxLength: 64, description: 'Extension that calls, for a call from inside' }),
    ),
    at: Type.Optional(Type.String({ maxLength: 64, description: 'ISO 8601 time; now when left out' })),
    press: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 100 })),
  },
  { additionalProperties: false },
);
export type ImaginedCallInput = Static<typeof ImaginedCallSchema>;

export const ExplanationSchema = Type.Object({
  decision: Type.String(),
  verdict: Type.Object({ kind: Type.String() }, { additionalProperties: true }),
  status: Type.Optional(Type.Integer()),
  trace: TraceSchema,
  lines: Type.Array(Type.String()),
});

export const ReloadSchema = Type.Object({
  revision: Type.Integer(),
  changed: Type.Boolean(),
  warnings: Type.Array(DiagnosticSchema),
  restartNeeded: Type.Array(Type.String()),
});
