// What the room of tasks gives to others.

export {
  findTask,
  taskOf,
  TASKS,
  type AnyTask,
  type TaskPayload,
  type TaskRequest,
} from "./table.ts";
export {
  parseSpelling,
  parseTask,
  parseTaskList,
  type TaskInputs,
} from "./parse-task.ts";
export {
  promptIds,
  type FinishContext,
  type PromptContext,
  type PromptPart,
  type RatedLabels,
  type Task,
} from "./task.ts";
