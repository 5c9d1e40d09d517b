import { Alert } from '@grafana/ui';
import { live, useFileErrors } from '../api/live';
import type { FileError } from '../api/types';

function place({ file, line, column }: FileError): string {
  return [file, line, line && column].filter(Boolean).join(':');
}

/** Dashboard files that cannot be read. What is shown below is their last good version. */
export function FileErrors() {
  return useFileErrors().map((error) => (
    <div className="banner" key={error.file}>
      <Alert
        severity="error"
        title={`${place(error)} cannot be read`}
        onRemove={() => live.dismiss(error.file)}
        topSpacing={1}
        bottomSpacing={0}
      >
        <pre className="file-error">{error.message}</pre>
        The last good version is still shown.
      </Alert>
    </div>
  ));
}
