using CloudTab.Testing;
using Microsoft.Playwright;

namespace CloudTab.EndToEnd.Tests.Pages;

/// <summary>What the customer's page keeps in the browser: its list, `jobs`, and the files themselves, `files`.</summary>
internal static class BrowserMemory
{
    /// <summary>What this script says of the two stores. It has `done`, which awaits a request of theirs, and the argument.</summary>
    public static Task<T> AskAsync<T>(IPage page, string script, object? argument = null) => page.EvaluateAsync<T>(InMemory(script), argument);

    /// <summary>Waits until it says that this is so. (WaitForFunction takes any promise for true.)</summary>
    public static Task UntilAsync(IPage page, string script, string what, object? argument = null) => Eventually.HoldsAsync(
        async () => await AskAsync<bool?>(page, script, argument) == true, what, TimeSpan.FromSeconds(15), Token);

    /// <summary>Waits until the list and so many files are kept.</summary>
    public static Task UntilKeptAsync(IPage page, int files) => UntilAsync(
        page, "return (await done(jobs.getAll()))[0]?.items.length === argument && (await done(files.count())) === argument", $"{files} files are kept", files);

    // Without anything yet there is null: to open it would make it, and not as the page does.
    private static string InMemory(string work) => $$"""
        async (argument) => {
          const done = (request) => new Promise((resolve, reject) => { request.onsuccess = () => resolve(request.result); request.onerror = () => reject(request.error) })
          const opening = indexedDB.open('cloudtab')
          opening.onupgradeneeded = () => opening.transaction.abort()
          const database = await done(opening).catch(() => null)
          if (!database) return null
          try {
            const transaction = database.transaction(['jobs', 'files'], 'readwrite')
            const complete = new Promise((resolve, reject) => Object.assign(transaction, { oncomplete: resolve, onabort: () => reject(transaction.error) }))
            const [jobs, files] = [transaction.objectStore('jobs'), transaction.objectStore('files')]
            const work = async () => {
              {{work}}
            }
            return (await Promise.all([work(), complete]))[0]
          } finally {
            database.close()
          }
        }
        """;
}
