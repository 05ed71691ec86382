import { CodeBlock } from '#ui/code-block.tsx'

const terminalCode = `atrium run -- python prepare.py
atrium run -n 8 -- python solver.py
atrium run --array 1-100 -- python one.py`

const pythonCode = `from atrium_client import run
run(["python", "solver.py"], tasks=8).stream()`

/** How one runs a program beside a server. */
export function RunGuide() {
  return (
    <div className="stack">
      <p>In a terminal of your server, or on your own machine with a token:</p>
      <CodeBlock label="Runs a program, eight tasks by MPI, and an array of a hundred" code={terminalCode} />
      <p>In a notebook:</p>
      <CodeBlock label="Runs eight tasks from Python" code={pythonCode} />
      <p className="muted">
        Output comes as it is written, and the exit status is passed on. With <code>--detach</code> it goes on
        without you, and shows here.
      </p>
    </div>
  )
}
