import { useCreateUserLink } from '#api/account.ts'
import { Button } from '#ui/button.tsx'
import { CopyField } from '#ui/copy-field.tsx'
import { Dialog, DialogForm } from '#ui/dialog.tsx'
import { SelectField } from '#ui/field.tsx'
import { RelativeTime } from '#ui/time.tsx'

interface UserLinkDialogProps {
  user: string
  onClose: () => void
}

/** A link that signs a user in once, or sets a password. */
export function UserLinkDialog({ user, onClose }: UserLinkDialogProps) {
  const create = useCreateUserLink(user)
  if (create.data) {
    return (
      <Dialog title={`Link for ${user}`} onClose={onClose}>
        <div className="dialog-body stack">
          <CopyField label="Send this link; it is not shown again" value={create.data.url} />
          <p className="muted">
            Whoever opens it is {user}. It works once, and expires{' '}
            <RelativeTime atMs={create.data.expiresAtMs} />.
          </p>
        </div>
        <div className="dialog-foot">
          <Button variant="primary" onClick={onClose}>
            Done
          </Button>
        </div>
      </Dialog>
    )
  }
  return (
    <Dialog title={`One-time link for ${user}`} onClose={onClose}>
      <DialogForm
        onSubmit={(data) =>
          create.mutate({ purpose: data.get('purpose') === 'sign-in' ? 'sign-in' : 'set-password' })
        }
        onCancel={onClose}
        submitLabel="Make the link"
        busy={create.isPending}
        error={create.error?.message}
      >
        <SelectField
          label="What it does"
          name="purpose"
          options={[
            { value: 'set-password', label: 'Sets a new password' },
            { value: 'sign-in', label: 'Signs in once' },
          ]}
        />
      </DialogForm>
    </Dialog>
  )
}
