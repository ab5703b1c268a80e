using System.Security.Cryptography;

namespace CloudTab.Clients.Tests;

/// <summary>A file on a customer's disk.</summary>
internal sealed class Document : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("cloudtab-");

    /// <param name="size">Its bytes: a PDF, of which all but the beginning is random.</param>
    /// <param name="isProgram">It is a program by its content, and a PDF by its name only.</param>
    public Document(int size, bool isProgram = false)
    {
        var content = RandomNumberGenerator.GetBytes(size);
        (isProgram ? "\u007FELF"u8 : "%PDF-1.7\n"u8).CopyTo(content);
        Path = System.IO.Path.Combine(_folder.FullName, "Bewerbung (final).pdf");
        File.WriteAllBytes(Path, content);
        Size = size;
        Sha256 = SHA256.HashData(content);
    }

    public string Path { get; }

    public int Size { get; }

    public byte[] Sha256 { get; }

    public void Dispose() => _folder.Delete(recursive: true);
}
