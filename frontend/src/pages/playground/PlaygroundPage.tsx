import { useComputedColorScheme } from '@mantine/core';
import { lazy, Suspense } from 'react';
import { Bones } from '../../ui/Answer';
import { PageHeader } from '../../ui/PageHeader';
import classes from './PlaygroundPage.module.css';

const Editor = lazy(async () => ({ default: (await import('./Editor')).Editor }));

/** GraphQL to try: every question that the console asks, and those that it doesn't. */
export function PlaygroundPage() {
  const theme = useComputedColorScheme('dark');
  return (
    <div className={classes.page}>
      <PageHeader title="Playground">
        Questions, changes and news in GraphQL, against this very Sentinel. Changes are real.
      </PageHeader>
      <div className={classes.editor}>
        <Suspense fallback={<Bones lines={6} height={48} />}>
          <Editor theme={theme} />
        </Suspense>
      </div>
    </div>
  );
}
