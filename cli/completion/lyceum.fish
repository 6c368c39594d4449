# fish completion for lyceum(1)
#
# `lyceum --complete WORD...` knows what may stand at the end of a command line:
# one value a line, with a tab and what it is behind it. ":files" and ":dirs"
# leave it to the shell.
function __lyceum_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    # Of --option=value, only the value is completed.
    set -l prefix (string match -r '^--[^=]*=' -- "$word")
    set -l value (string replace -r '^--[^=]*=' '' -- "$word")

    for line in (lyceum --complete $words[2..] "$word" 2>/dev/null)
        switch $line
            case :files
                printf "%s\n" "$prefix"(__fish_complete_path "$value")
            case :dirs
                printf "%s\n" "$prefix"(__fish_complete_directories "$value")
            case '*'
                printf "%s\n" "$prefix$line"
        end
    end
end

complete -c lyceum -f -a '(__lyceum_complete)'
