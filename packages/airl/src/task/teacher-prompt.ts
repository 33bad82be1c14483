import { ToolError } from '@dawngrad/tensor';
import type { Demonstration, Task } from './task.ts';

/** The user's text as a teacher sees it that is shown the expert's completion (OPSD; r-airl.md, section 5). */
export function teacherText(userText: string, target: string): string {
  return [
    userText,
    `Here is how an expert reasons about this problem:\n${target}`,
    'Now write the solution that best follows from the problem and from the reasoning of the expert.',
  ].join('\n\n');
}

/** The ids of a demonstrated prompt that shows its expert. Throws ToolError 'config' where the task has no such form. */
export function teacherPromptIds(task: Task, demonstration: Demonstration): Uint32Array {
  if (task.teacherPromptIds !== undefined) return task.teacherPromptIds(demonstration);
  throw new ToolError('config', {
    op: task.name,
    expected: "a task of texts, whose prompts can show the teacher an expert's completion",
    got: 'prompts of a fixed form without room for it',
    hint: 'opsd trains on rows of text with a target (data.path).',
  });
}

/** The longest prompt that a teacher reads, in tokens; 0 where there are no demonstrations. */
export function longestTeacherPrompt(task: Task): number {
  return task.demonstrations.reduce(
    (longest, demonstration) => Math.max(longest, teacherPromptIds(task, demonstration).length),
    0,
  );
}
