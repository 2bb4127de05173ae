// The client: starts `spinec lsp` and lets the editor talk to it. Everything else is the server's.

import { commands, window, workspace, type ExtensionContext } from "vscode";
import { LanguageClient, TransportKind, type LanguageClientOptions, type ServerOptions } from "vscode-languageclient/node";

let client: LanguageClient | undefined;

export async function activate(context: ExtensionContext): Promise<void> {
  context.subscriptions.push(
    commands.registerCommand("spine.restart", restart),
    commands.registerCommand("spine.log", () => client?.outputChannel.show()),
    workspace.onDidChangeConfiguration(async (change) => {
      if (["path", "arguments", "roots"].some((key) => change.affectsConfiguration(`spine.${key}`))) {
        await restart();
      }
    }),
  );
  await start();
}

export async function deactivate(): Promise<void> {
  // A server that never started can't be stopped.
  await client?.stop().catch(() => undefined);
}

async function restart(): Promise<void> {
  const old = client;
  client = undefined;
  // A server that never started can't be stopped.
  await old?.dispose().catch(() => undefined);
  await start();
}

async function start(): Promise<void> {
  const settings = workspace.getConfiguration("spine");
  const command = resolved(settings.get("path", "spinec"));
  const server: ServerOptions = {
    command,
    args: ["lsp", ...settings.get<string[]>("arguments", [])],
    transport: TransportKind.stdio,
  };
  const options: LanguageClientOptions = {
    documentSelector: [
      { language: "spine", scheme: "file" },
      { language: "spine", scheme: "untitled" },
    ],
    initializationOptions: { roots: settings.get<string[]>("roots", []).map(resolved) },
    markdown: { isTrusted: false, supportHtml: false },
  };
  client = new LanguageClient("spine", "Spine", server, options);
  try {
    await client.start();
  } catch {
    const open = "Open the Settings";
    const chosen = await window.showErrorMessage(
      `“${command} lsp” can't be started: install it with pip install "spinec[lsp]", or set its path.`,
      open,
    );
    if (chosen === open) {
      await commands.executeCommand("workbench.action.openSettings", "spine.path");
    }
  }
}

function resolved(path: string): string {
  return path.replace("${workspaceFolder}", workspace.workspaceFolders?.[0]?.uri.fsPath ?? ".");
}
