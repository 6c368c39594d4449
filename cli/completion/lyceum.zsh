#compdef lyceum
#
# zsh completion for lyceum(1): the file _lyceum in a folder of $fpath, or
# sourced after compinit.
#
# `lyceum --complete WORD...` knows what may stand at the end of a command line:
# one value a line, with a tab and what it is behind it. ":files" and ":dirs"
# leave it to the shell.
_lyceum() {
    local line lines value
    local -a found folders

    lines=$(lyceum --complete "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)
    [[ $PREFIX == --*=* ]] && compset -P '*='
    for line in "${(@f)lines}"; do
        case $line in
        :files) _files ;;
        :dirs) _path_files -/ ;;
        ?*)
            value=${line%%$'\t'*}
            if [[ $value == */ ]]; then
                folders+=("$value")
            else
                found+=("${value//:/\\:}${${line#"$value"}/$'\t'/:}")
            fi
            ;;
        esac
    done
    (( $#folders )) && compadd -S '' -a folders
    (( $#found )) && _describe -t lyceum lyceum found
}

if [[ $funcstack[1] == _lyceum ]]; then
    _lyceum "$@"
else
    compdef _lyceum lyceum
fi
