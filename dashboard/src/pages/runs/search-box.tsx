import { useEffect, useId, useState } from "react";
import { Button } from "../../ui/button.tsx";

interface Props {
  value: string;
  /** what the platform says of it when it refuses it */
  refusal: string | null;
  onChange: (source: string | undefined) => void;
}

/** An expression by which runs are found; it is asked once it is whole, so Enter says when. */
export function SearchBox({ value, refusal, onChange }: Props) {
  const [typed, setTyped] = useState(value);
  const id = useId();
  useEffect(() => setTyped(value), [value]);
  const search = (source: string) => onChange(source.trim() === "" ? undefined : source.trim());
  return (
    <form
      role="search"
      className="flex flex-col gap-1"
      onSubmit={(event) => {
        event.preventDefault();
        search(typed);
      }}
    >
      <div className="flex gap-2">
        <label htmlFor={id} className="sr-only">
          Expression over event and output
        </label>
        <input
          id={id}
          type="search"
          spellCheck={false}
          autoComplete="off"
          placeholder="event.data.orderId == 'o-17' && output.paid == true"
          value={typed}
          aria-invalid={refusal !== null}
          aria-describedby={refusal === null ? undefined : `${id}-refusal`}
          onChange={(event) => {
            setTyped(event.target.value);
            if (event.target.value === "") search(""); // the cross of the field
          }}
          className="field min-w-0 flex-1 font-mono text-xs"
        />
        <Button type="submit">Search</Button>
      </div>
      {refusal === null ? null : (
        <p role="alert" id={`${id}-refusal`} className="text-bad wrap-anywhere">
          {refusal}
        </p>
      )}
    </form>
  );
}
