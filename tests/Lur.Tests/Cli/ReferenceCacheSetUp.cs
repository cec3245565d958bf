namespace Lur.Tests.Cli;

/// <summary>Retrain models of the command's tests are kept in a folder of the test run, not in the user's cache.</summary>
[SetUpFixture]
public sealed class ReferenceCacheSetUp
{
    private EnvironmentVariable _variable = null!;
    private string _folder = "";

    [OneTimeSetUp]
    public void Redirect()
    {
        _folder = Directory.CreateTempSubdirectory("lur-references-").FullName;
        _variable = new EnvironmentVariable("LUR_REFERENCES", _folder);
    }

    [OneTimeTearDown]
    public void Restore()
    {
        _variable.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
