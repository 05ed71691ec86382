import './meter.css'

interface MeterProps {
  label: string
  used: number
  /** Absent: no limit, so no bar. */
  limit?: number
  /** How amounts are written. */
  format: (amount: number) => string
}

/** How much of a limit is used, in words and as a bar. */
export function Meter({ label, used, limit, format }: MeterProps) {
  const share = limit ? Math.min(1, used / limit) : 0
  const tone = limit !== undefined && used >= limit ? 'bad' : share >= 0.85 ? 'warn' : 'neutral'
  const text = limit === undefined ? format(used) : describeShare(format(used), format(limit))
  return (
    <div className="meter">
      <div className="meter-text">
        <span>{label}</span>
        <span className="muted">{text}</span>
      </div>
      {limit !== undefined && (
        // biome-ignore lint/a11y/useSemanticElements: <meter> cannot be styled alike in all browsers
        <div
          className="meter-bar"
          role="meter"
          aria-label={label}
          aria-valuenow={used}
          aria-valuemin={0}
          aria-valuemax={limit}
          aria-valuetext={text}
          data-tone={tone}
        >
          <span style={{ inlineSize: `${share * 100}%` }} />
        </div>
      )}
    </div>
  )
}

/** `3 of 5 servers` rather than `3 servers of 5 servers`. */
function describeShare(used: string, limit: string): string {
  const [amount, unit] = used.split(' ')
  const isSameUnit = withoutPlural(unit) === withoutPlural(limit.split(' ')[1])
  return `${isSameUnit ? amount : used} of ${limit}`
}

function withoutPlural(unit = ''): string {
  return unit.replace(/s$/, '')
}
