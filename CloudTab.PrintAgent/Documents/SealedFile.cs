using System.Security.Cryptography;
using System.Text.RegularExpressions;

namespace CloudTab.PrintAgent;

/// <summary>
/// A file of the agent's own, encrypted with a key that is nowhere but in this process's memory: when the process ends, or this is disposed, what
/// is left on the disk is noise.
/// </summary>
internal sealed partial class SealedFile : IDisposable
{
    private const string Ending = ".sealed";

    private readonly string _path;
    private readonly Aes _aes;

    private SealedFile(string path)
    {
        _path = path;
        _aes = Aes.Create();
        _aes.KeySize = 256;
        _aes.GenerateKey();
        _aes.GenerateIV();
    }

    /// <summary>Deletes what an agent that was killed has left in its folder, and nothing else.</summary>
    public static void Wipe(string folder)
    {
        if (!Directory.Exists(folder))
            return;
        foreach (var file in Directory.EnumerateFiles(folder, "*" + Ending).Where(file => OwnName().IsMatch(Path.GetFileName(file))))
            File.Delete(file);
    }

    [GeneratedRegex($@"^[0-9a-f]{{32}}\{Ending}$", RegexOptions.None, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex OwnName();

    /// <summary>A new file in this folder, which is created if it is not there.</summary>
    /// <param name="write">Writes the content.</param>
    public static async Task<SealedFile> CreateAsync(string folder, Func<Stream, Task> write)
    {
        Directory.CreateDirectory(folder);
        var file = new SealedFile(Path.Combine(folder, RandomNumberGenerator.GetHexString(32, lowercase: true) + Ending));
        try
        {
            var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None, Options = FileOptions.Asynchronous };
            if (!OperatingSystem.IsWindows())
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            await using var output = new CryptoStream(new FileStream(file._path, options), file._aes.CreateEncryptor(), CryptoStreamMode.Write);
            await write(output);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The content, from its beginning; it cannot be rewound.</summary>
    public Stream Open() => new CryptoStream(
        new FileStream(_path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 4096, useAsync: true), _aes.CreateDecryptor(), CryptoStreamMode.Read);

    public void Dispose()
    {
        _aes.Dispose();
        File.Delete(_path);
    }
}
